static void unary_FUNCTION(int32_t count, const float *values, float *out) {
    for (int32_t i = 0; i < count; i++) {
        const float x = values[i];
        out[i] = EXPRESSION;
    }
}
