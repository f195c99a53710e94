function [nodes, inputs, outputs] = NAME_graph()
%NAME_graph  The nodes of NAME in order; inputs says what each reads: VALUES.
%   kind is what a node gives: bits (-1 and +1), i32 (whole sums), f32 or u8 (PIXELS). kernel, stride
%   and dilation are [height width], padding is [top left bottom right]. The arrays of the first node
%   are FIRST_weight and so on.
%   [nodes, inputs, outputs] = NAME_graph() also gives what the network takes, with the height, width
%   and channels of its values, and what it gives, with the number of the value.

nodes = {
NODES
};
inputs = {
TAKEN
};
outputs = {
GIVEN
};
end
