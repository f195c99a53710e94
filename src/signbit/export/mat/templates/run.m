function scores = NAME_run(pixels)
%NAME_run  Run the packed network NAME on bits; MATLAB R2016b or later, GNU Octave 7 or later.
%   NAME_run runs the golden images and compares what each node gives with its golden values. They
%   must be equal; where real numbers are rounded in another way, within 1e-5 of the largest. It is
%   an error, in batch mode an exit status other than 0, where one differs.
%
%   scores = NAME_run(pixels) gives (images, classes) for uint8 (images, height, width, channels).
%
%   NAME_graph says which nodes there are, NAME_node what each of them computes.

data = read_arrays(fileparts(mfilename('fullpath')), 'NAME');
checking = nargin == 0;
if checking
    pixels = data.golden_pixels;
end
check_pixels(pixels, size(data.golden_pixels));
nodes = NAME_graph();
values = {double(pixels)};
wrong = 0;
for k = 1:numel(nodes)
    node = nodes{k};
    tensor = @(name) data.(sprintf('n%02d_%s', k, name));
    value = NAME_node(node, tensor, values(node.inputs + 1));
    values{k + 1} = value;
    if checking
        wanted = double(data.(sprintf('golden_n%02d', k)));
        wrong = wrong + differs(value, wanted, node, sprintf('node %2d  %s', k, node.op));
        values{k + 1} = wanted; % go on from here: a difference is told where it arises
    end
end
scores = reshape(value, size(pixels, 1), []);
if checking
    wrong = wrong + differs(scores, double(data.golden_scores), node, 'scores');
    if wrong > 0
        error('NAME: %d of %d comparisons differ', wrong, numel(nodes) + 1);
    end
    fprintf('NAME: %d nodes and the scores of %d images equal the golden values\n', ...
        numel(nodes), size(pixels, 1));
    if nargout == 0
        clear scores % nothing to print
    end
end
end

function data = read_arrays(folder, name)
% Every array under its key, from one file or from a file for each.
if exist(fullfile(folder, [name '.mat']), 'file')
    data = load(fullfile(folder, [name '.mat']));
    return
end
data = struct();
files = dir(fullfile(folder, '*.mat'));
for k = 1:numel(files)
    [~, key] = fileparts(files(k).name);
    if ~isempty(regexp(key, '^(n\d+|golden)_\w+$', 'once'))
        content = load(fullfile(folder, files(k).name));
        data.(key) = content.array;
    end
end
if ~isfield(data, 'golden_pixels')
    error('NAME: %s holds neither %s.mat nor golden_pixels.mat', folder, name);
end
end

function check_pixels(pixels, wanted)
found = size(pixels);
if ~isa(pixels, 'uint8') || ~isequal(found(2:end), wanted(2:end))
    error('NAME: pixels are %s %s; give uint8 of any number of images, each %s', ...
        class(pixels), mat2str(found), mat2str(wanted(2:end)));
end
end

function wrong = differs(found, wanted, node, what)
% Whether a value is not as it shall be; says what was compared and what came of it.
if ~isequal(size(found), size(wanted))
    error('NAME: %s is of size %s, golden %s', what, mat2str(size(found)), mat2str(size(wanted)));
end
[found, wanted] = deal(found(:), wanted(:));
tolerance = 0;
if any(strcmp(node.op, {'conv_f32', 'conv_f32_bits', 'affine', 'unary', 'reduce', ...
        'softmax', 'log_softmax'}))
    tolerance = 1e-5 * max([1; abs(wanted(isfinite(wanted)))]);
end
same = found == wanted | (isnan(found) & isnan(wanted));
near = same | abs(found - wanted) <= tolerance;
wrong = ~all(near);
verdict = 'equal';
if wrong
    verdict = sprintf('%d DIFFER', sum(~near));
elseif ~all(same)
    verdict = sprintf('equal within %.0e', max(abs(found(~same) - wanted(~same))));
end
fprintf('%-22s %-5s %9d values  %s\n', what, node.kind, numel(wanted), verdict);
end
