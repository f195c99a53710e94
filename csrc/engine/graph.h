// The packed network that the engine receives. The code that read it from a file has checked it.
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
    std::vector<int> inputs;  // numbers of values
    std::map<std::string, std::vector<double>> attributes;  // those that are numbers
    std::map<std::string, std::vector<std::string>> names;  // those that are names
    std::map<std::string, Tensor> tensors;

    int number(const std::string& name, int index = 0) const {
        return static_cast<int>(attributes.at(name).at(index));
    }
};

// Values are numbered: the inputs from 0 on, then the nodes.
struct Graph {
    std::vector<ValueType> types;  // of each value
    std::vector<Node> nodes;
    std::vector<int> outputs;      // numbers of the values to return

    int inputs() const { return static_cast<int>(types.size() - nodes.size()); }
    int values() const { return static_cast<int>(types.size()); }
    const Node& node(int number) const { return nodes[number - inputs()]; }
};

}  // namespace bnn
