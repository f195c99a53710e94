/* How far apart the numbers of a map lie, 0 along a side of 1 that goes with any other. */
struct strides {
    int32_t row, column, channel;
};
