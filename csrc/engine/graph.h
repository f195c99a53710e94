// The packed network as the engine is given it: checked by whoever read it from a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bnn {

enum class Kind { u8, bits, i32, f32 };

struct ValueType {
    Kind kind;
    int height, width, channels;
};

// Tensor data of any element type, aligned to 8 bytes.
struct Tensor {
    std::vector<std::uint64_t> words;

    template <typename T>
    const T* as() const {
        return reinterpret_cast<const T*>(words.data());
    }
};

struct Node {
    std::string op;
    std::vector<int> inputs;  // 0 is the pixels, i the i-th node
    std::map<std::string, std::vector<double>> attributes;  // those that are numbers
    std::map<std::string, std::vector<std::string>> names;  // those that are names
    std::map<std::string, Tensor> tensors;

    int number(const std::string& name, int index = 0) const {
        return static_cast<int>(attributes.at(name).at(index));
    }
};

struct Graph {
    std::vector<ValueType> types;  // of the pixels, then of each node
    std::vector<Node> nodes;

    const Node& node(int number) const { return nodes[number - 1]; }
};

}  // namespace bnn
