function varargout = NAME_run(varargin)
%NAME_run  Run the packed network NAME on bits; MATLAB R2016b or later, GNU Octave 7 or later.
%   NAME_run runs the golden SAMPLES and compares the value of each node with its golden value. They
%   must be equal; real numbers that are rounded differently must be within 1e-5 of the largest. A
%   difference is an error; in batch mode the exit status is then not 0.
%
USAGE
%
%   NAME_graph lists the nodes; NAME_node computes each of them.

[nodes, inputs, outputs] = NAME_graph();
data = read_arrays(fileparts(mfilename('fullpath')), 'NAME', inputs{1}.name);
golden = @(name) data.(['golden_' name]);
checking = nargin == 0;
if checking
    varargin = cellfun(@(one) golden(one.name), inputs, 'UniformOutput', false);
end
values = checked_inputs(varargin, inputs, golden);
computed = values;
wrong = 0;
for k = 1:numel(nodes)
    node = nodes{k};
    number = numel(inputs) + k - 1;
    tensor = @(name) data.(sprintf('n%02d_%s', number, name));
    value = NAME_node(node, tensor, values(node.inputs + 1));
    [values{number + 1}, computed{number + 1}] = deal(value);
    if checking
        wanted = double(golden(sprintf('n%02d', number)));
        wrong = wrong + differs(value, wanted, node, sprintf('node %2d  %s', number, node.op));
        values{number + 1} = wanted; % go on from here: a difference is reported only at its source
    end
end
given = cell(1, numel(outputs));
for k = 1:numel(outputs)
    one = outputs{k};
    given{k} = in_rank(computed{one.node + 1}, one.rank);
    if checking
        node = nodes{one.node + 1 - numel(inputs)};
        wrong = wrong + differs(given{k}, double(golden(one.name)), node, one.name);
    end
end
if checking
    if wrong > 0
        error('NAME: %d of %d comparisons differ', wrong, numel(nodes) + numel(outputs));
    end
    fprintf('NAME: %d nodes and OUTCOME of %d SAMPLES equal the golden values\n', ...
        numel(nodes), size(values{1}, 1));
    if nargout == 0
        return % nothing to print
    end
end
varargout = given;
end

function data = read_arrays(folder, name, input)
% Every array by its key, from one file for all or from one file for each.
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
if ~isfield(data, ['golden_' input])
    error('NAME: %s holds neither %s.mat nor golden_%s.mat', folder, name, input);
end
end

function values = checked_inputs(arrays, inputs, golden)
% The inputs as double, (samples, height, width, channels).
if numel(arrays) ~= numel(inputs)
    error('NAME: %d inputs; give %d', numel(arrays), numel(inputs));
end
values = cell(1, numel(inputs));
for k = 1:numel(inputs)
    one = inputs{k};
    check_input(arrays{k}, one, size(golden(one.name)));
    if size(arrays{k}, 1) ~= size(arrays{1}, 1)
        error('NAME: %d SAMPLES of %s, but %d of %s; give as many of each', size(arrays{k}, 1), ...
            one.name, size(arrays{1}, 1), inputs{1}.name);
    end
    values{k} = reshape(double(arrays{k}), [size(arrays{k}, 1), one.size]);
end
end

function check_input(array, one, wanted)
type = struct('u8', 'uint8', 'f32', 'single', 'bits', 'int8');
found = size(array);
if ~isa(array, type.(one.kind)) || ~isequal(found(2:end), wanted(2:end))
    error('NAME: %s are %s %s; give %s of any number of SAMPLES, each %s', one.name, ...
        class(array), mat2str(found), type.(one.kind), mat2str(wanted(2:end)));
end
if strcmp(one.kind, 'bits') && any(abs(double(array(:))) ~= 1)
    error('NAME: %s holds numbers other than -1 and +1; give only these', one.name);
end
if any(isnan(array(:)))
    error('NAME: %s holds NaN, which has no sign; give numbers', one.name);
end
end

function array = in_rank(value, rank)
% A value as the array of an output: (samples, channels), (samples, length, channels) or as it is.
sides = [size(value, 1) size(value, 2) size(value, 3) size(value, 4)];
array = reshape(value, [sides(1) sides(5 - rank:4)]);
end

function wrong = differs(found, wanted, node, what)
% Whether a value differs from its golden value; prints what was compared, and the result.
if ~isequal(size(found), size(wanted))
    error('NAME: %s is of size %s, the golden value of size %s', what, mat2str(size(found)), ...
        mat2str(size(wanted)));
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
