/* A window that slides over a map; sizes in positions. */
struct window {
    int32_t height, width;   /* of the map that it reads */
    int32_t rows, columns;   /* of the map that it writes */
    int32_t kernel_height, kernel_width;
    int32_t stride_y, stride_x;
    int32_t top, left;       /* padding */
    int32_t dilation_y, dilation_x;
};

/* Index of the position under a tap of the window at (row, column), or -1 in the padding. */
static int32_t under_tap(const struct window *w, int32_t row, int32_t column, int32_t i, int32_t j) {
    const int32_t y = row * w->stride_y + i * w->dilation_y - w->top;
    const int32_t x = column * w->stride_x + j * w->dilation_x - w->left;
    if (y < 0 || y >= w->height || x < 0 || x >= w->width) return -1;
    return y * w->width + x;
}
