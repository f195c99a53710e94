/* Copies `count` bits from bit `from` of x to bit `to` of out. These bits of out must be 0. */
static void copy_bits(const uint32_t *x, int32_t from, uint32_t *out, int32_t to, int32_t count) {
    while (count > 0) {
        const int32_t here = from % 32, there = to % 32, room = 32 - (here > there ? here : there);
        const int32_t now = count < room ? count : room;
        const uint32_t mask = now < 32 ? (1u << now) - 1u : 0xffffffffu;
        out[to / 32] |= (x[from / 32] >> here & mask) << there;
        from += now;
        to += now;
        count -= now;
    }
}
