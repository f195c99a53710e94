/* The distance between neighbours in a map, along each side. It is 0 along a side of 1 that is
 * repeated. */
struct strides {
    int32_t row, column, channel;
};
