function y = NAME_node(node, tensor, x)
%NAME_node  The value of a node: y = NAME_node(node, tensor, inputs).
%   Values are double, (samples, height, width, channels): bits are -1 and +1, sums are whole, real
%   numbers are rounded to single. tensor('weight') is an array of the node. Where an array comes
%   as packed words too, both must hold the same bits.

row = @(name) reshape(double(tensor(name)), 1, 1, 1, []); % an element for each channel
a = x{1};
switch node.op
    case 'conv_bits'
        y = xnor_popcount(a, node, checked_words(tensor, 'weight'));
    case 'conv_u8'
        y = multiply_add(node.multiplier * a + node.offset, node, signs_of(tensor), 0);
    case 'conv_f32'
        y = multiply_add(a, node, double(tensor('weight')), 0);
    case 'conv_f32_bits'
        y = multiply_add(a, node, signs_of(tensor), node.padding_value);
    case 'threshold'
        checked_words(tensor, 'below');
        below = row('below') > 0;
        y = 2 * ((below & a < row('threshold')) | (~below & a > row('threshold'))) - 1;
    case 'flip'
        checked_words(tensor, 'mask');
        y = a .* (1 - 2 * row('mask'));
    case 'normalize'
        y = double(single(a .* row('scale'))) + row('bias');
    case 'affine'
        y = double(single(a)) .* row('scale') + row('bias');
    case 'clamp'
        y = min(max(a, node.low), node.high);
        y(isnan(a)) = NaN;
    case 'prelu'
        y = a .* row('slope');
        y(a > 0) = a(a > 0);
    case 'signs'
        y = a;
    case 'add'
        y = a + x{2};
    case 'concat'
        y = cat(4, x{:});
    case 'flatten' % in the order channel, row, column
        y = reshape(permute(a, [1 3 2 4]), size(a, 1), 1, 1, []);
    case 'move'
        y = move(a, node, tensor);
    case 'unary'
        y = unary(a, node.function);
    case 'binary'
        y = binary(a, x{2}, node.function);
    case 'reduce'
        y = reduce(a, node);
    case 'max_pool'
        lowest = struct('bits', -1, 'i32', -2^31, 'f32', -Inf);
        taps = windows(a, node, repmat(lowest.(node.kind), 1, size(a, 4)));
        y = max(taps, [], 5);
        y(any(isnan(taps), 5)) = NaN;
    case 'avg_pool'
        y = average(a, node);
    case 'softmax'
        y = exp(a - max(a, [], 4));
        y = y ./ sum(y, 4);
    case 'log_softmax'
        y = a - max(a, [], 4);
        y = y - log(sum(exp(y), 4));
    otherwise
        error('NAME: this script does not know the operation %s', node.op);
end
if strcmp(node.kind, 'f32')
    y = double(single(y));
end
end

function y = move(a, node, tensor)
% Elements at other places. They are counted from 0, row by row, channels innermost; -1 means fill.
elements = reshape(permute(a, [1 4 3 2]), size(a, 1), []);
rows = reshape(double(tensor('rows')), [], 1);
columns = reshape(double(tensor('columns')), 1, []);
channels = reshape(double(tensor('channels')), 1, 1, []);
places = rows + columns + channels;
places(repmat(rows < 0, [1 numel(columns) numel(channels)])) = size(elements, 2);
places(repmat(columns < 0, [numel(rows) 1 numel(channels)])) = size(elements, 2);
places(repmat(channels < 0, [numel(rows) numel(columns) 1])) = size(elements, 2);
elements(:, end + 1) = node.fill;
y = reshape(elements(:, places(:) + 1), [size(a, 1) node.size]);
end

function y = unary(a, name)
switch name
    case 'elu'
        y = a;
        y(~(a > 0)) = expm1(a(~(a > 0)));
    case 'log'
        y = real(log(a));
        y(a < 0) = NaN;
    case 'reciprocal'
        y = 1 ./ a;
    case 'round' % a half to the even one
        y = round(a);
        half = abs(a - fix(a)) == 0.5;
        y(half) = 2 * round(a(half) / 2);
    case 'sigmoid'
        y = 1 ./ (1 + exp(-a));
    case 'softplus'
        y = max(a, 0) + log1p(exp(-abs(a)));
    case 'sqrt'
        y = real(sqrt(a));
        y(a < 0) = NaN;
    case {'abs', 'cos', 'erf', 'exp', 'floor', 'sign', 'sin', 'tanh'}
        y = feval(name, a);
    otherwise
        error('NAME: this script does not know the function %s', name);
end
y(isnan(a)) = NaN;
end

function y = binary(a, b, name)
switch name
    case 'add'
        y = a + b;
    case 'divide'
        y = a ./ b;
    case 'masked'
        y = a .* ones(size(b));
        y(~(b < 0 | b > 0) & true(size(a))) = 0;
    case 'multiply'
        y = a .* b;
    case {'maximum', 'minimum'} % NaN wins
        y = feval(name(1:3), a, b);
        y(isnan(a) | isnan(b)) = NaN;
    otherwise
        error('NAME: this script does not know the function %s', name);
end
end

function y = reduce(a, node)
y = a;
for axis = find(ismember({'images', 'height', 'width', 'channels'}, node.axes))
    if strcmp(node.function, 'maximum') % NaN wins
        lost = any(isnan(y), axis);
        y = max(y, [], axis);
        y(lost) = NaN;
    else
        y = sum(y, axis);
    end
end
if strcmp(node.function, 'mean')
    y = single(y) / single(numel(a) / numel(y));
end
end

function y = xnor_popcount(bits, node, words)
% n bits times n bits: twice the number of equal bits, minus n. Padded taps count as -1 or +1, or a
% mask leaves them out. The mask also leaves out the bits after the last channel.
[images, height, width, channels] = size(bits);
for group = 1:node.groups
    in = part(channels, group, node.groups);
    all_set = pack(true(1, 1, 1, numel(in)));
    pads = {zeros(size(all_set), 'uint64'), all_set};
    a = windows(pack(bits(:, :, :, in) > 0), node, pads{1 + (node.padding_value > 0)});
    mask = repmat(all_set, [images, height, width, 1]);
    mask = windows(mask, node, pads{1 + (node.padding_value ~= 0)});
    [~, rows, columns, ~] = size(a);
    a = reshape(a, images * rows * columns, []); % each row is a window
    mask = reshape(mask, size(a));
    n = sum(popcount(mask), 2);
    for out = part(node.channels, group, node.groups)
        w = reshape(permute(words(out, :, :, :), [1 4 3 2]), 1, []);
        xnor = bitcmp(bitxor(a, repmat(w, size(a, 1), 1)));
        y(:, out) = 2 * sum(popcount(bitand(xnor, mask)), 2) - n;
    end
end
y = reshape(y, images, rows, columns, []);
end

function y = multiply_add(x, node, weight, pad)
% The same sums by multiplication, for values that are not bits.
taps = windows(x, node, repmat(pad, 1, size(x, 4)));
[images, rows, columns, channels, ~] = size(taps);
for group = 1:node.groups
    out = part(node.channels, group, node.groups);
    a = reshape(taps(:, :, :, part(channels, group, node.groups), :), images * rows * columns, []);
    w = reshape(permute(weight(out, :, :, :), [1 2 4 3]), numel(out), []);
    y(:, out) = a * w.';
end
y = reshape(y, images, rows, columns, []);
end

function taps = windows(x, node, pad)
% Every window: (images, rows, columns, channels, taps), taps row by row. pad: for each channel.
[images, height, width, channels] = size(x);
[kernel, step, p, gap] = deal(node.kernel, node.stride, node.padding, [1 1]);
if isfield(node, 'dilation')
    gap = node.dilation;
end
size_padded = [images, height + p(1) + p(3), width + p(2) + p(4), 1];
padded = repmat(reshape(pad, 1, 1, 1, []), size_padded);
padded(:, p(1) + (1:height), p(2) + (1:width), :) = x;
rows = 1:step(1):size_padded(2) - gap(1) * (kernel(1) - 1);
columns = 1:step(2):size_padded(3) - gap(2) * (kernel(2) - 1);
taps = zeros(images, numel(rows), numel(columns), channels, prod(kernel), class(x));
for i = 0:kernel(1) - 1
    for j = 0:kernel(2) - 1
        taps(:, :, :, :, i * kernel(2) + j + 1) = ...
            padded(:, rows + i * gap(1), columns + j * gap(2), :);
    end
end
end

function y = average(x, node)
% The sum in single precision, row by row, divided by the number of taps, or of those in the map.
taps = single(windows(x, node, zeros(1, size(x, 4))));
y = zeros(1, 'single');
for k = 1:size(taps, 5)
    y = y + taps(:, :, :, :, k);
end
count = prod(node.kernel);
if ~node.count_padding
    count = sum(windows(ones(1, size(x, 2), size(x, 3)), node, 0), 5);
end
y = y ./ single(count);
end

function words = checked_words(tensor, name)
% The packed words of a tensor, which must hold the same bits as the plain array.
plain = tensor(name);
words = tensor([name '_words']);
if strcmp(name, 'weight')
    packed = pack(permute(plain, [1 3 4 2]) > 0);
else
    packed = pack(reshape(plain, 1, 1, 1, []) > 0);
end
if ~isequal(packed(:), words(:))
    error('NAME: %s and %s_words hold different bits', name, name);
end
end

function weight = signs_of(tensor)
checked_words(tensor, 'weight');
weight = double(tensor('weight'));
end

function words = pack(bits)
% Channel c (from 0) is bit mod(c, 64) of word floor(c / 64).
[images, height, width, channels] = size(bits);
words = zeros(images, height, width, ceil(channels / 64), 'uint64');
for c = 1:channels
    shifted = bitshift(uint64(bits(:, :, :, c)), mod(c - 1, 64));
    words(:, :, :, ceil(c / 64)) = bitor(words(:, :, :, ceil(c / 64)), shifted);
end
end

function count = popcount(words)
% The bits set in each word, by a table of bytes.
persistent table
if isempty(table)
    table = sum(dec2bin(0:255) == '1', 2);
end
bytes = reshape(typecast(words(:), 'uint8'), 8, []);
count = reshape(sum(reshape(table(double(bytes) + 1), 8, []), 1), size(words));
end

function range = part(channels, group, groups)
range = (group - 1) * channels / groups + (1:channels / groups);
end
