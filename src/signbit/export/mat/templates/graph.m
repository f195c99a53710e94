function nodes = NAME_graph()
%NAME_graph  The nodes of NAME in order; inputs says what each reads, 0 being the pixels.
%   kind is what a node gives: bits (-1 and +1), i32 (whole sums), f32 or u8 (pixels). kernel, stride
%   and dilation are [height width], padding is [top left bottom right]. The arrays of the first node
%   are n01_weight and so on.

nodes = {
NODES
};
end
