function [nodes, inputs, outputs] = NAME_graph()
%NAME_graph  The nodes of NAME in order. The field inputs has the numbers of the values that a node
%   reads: VALUES.
%   kind is the kind of a node's value: bits (-1 and +1), i32 (whole sums), f32 or u8 (PIXELS).
%   kernel, stride and dilation are [height width], padding is [top left bottom right]. The arrays
%   of the first node are FIRST_weight and so on.
%   [nodes, inputs, outputs] = NAME_graph() also returns the inputs of the network, with the height,
%   width and channels of their values, and its outputs, with the number of their value.

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
