// The only file that knows Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <exception>
#include <system_error>

#include "cpu.h"
#include "engine/engine.h"
#include "kernels/limit/contract.h"
#include "kernels/limit/read.h"

namespace nb = nanobind;

namespace {

using bnn::Engine;
using bnn::Graph;

using PyBytes = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using PyNode = std::tuple<std::string, std::vector<int>, std::map<std::string, std::vector<double>>,
                          std::map<std::string, PyBytes>>;
using PyType = std::tuple<std::string, int, int, int>;
using PyPixels = nb::ndarray<const std::uint8_t, nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using PyReals = nb::ndarray<const float, nb::ndim<4>, nb::c_contig, nb::device::cpu>;
using PyScores = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using PyWords = nb::ndarray<const std::uint64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using PySeconds = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

bnn::Kind kind_of(const std::string& name) {
    if (name == "u8") return bnn::Kind::u8;
    if (name == "bits") return bnn::Kind::bits;
    return name == "i32" ? bnn::Kind::i32 : bnn::Kind::f32;
}

bnn::Tensor copy(const PyBytes& bytes) {
    bnn::Tensor tensor;
    tensor.words.resize((bytes.size() + 7) / 8);
    if (bytes.size() != 0) std::memcpy(tensor.words.data(), bytes.data(), bytes.size());
    return tensor;
}

Graph graph_of(const std::vector<PyType>& types, const std::vector<PyNode>& nodes) {
    Graph graph;
    for (const auto& [kind, height, width, channels] : types)
        graph.types.push_back({kind_of(kind), height, width, channels});
    for (const auto& [op, inputs, attributes, tensors] : nodes) {
        bnn::Node node{op, inputs, attributes, {}};
        for (const auto& [name, bytes] : tensors) node.tensors.emplace(name, copy(bytes));
        graph.nodes.push_back(std::move(node));
    }
    return graph;
}

template <typename Array>
bnn::Images images_of(const Array& images, bool normalized) {
    return {images.data(), static_cast<int>(images.shape(0)), normalized};
}

}  // namespace

NB_MODULE(_engine, module) {
    nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
        try {
            std::rethrow_exception(thrown);
        } catch (const std::system_error& error) {
            PyErr_SetString(PyExc_OSError, error.what());
        }
    });
    module.def("isas", [] {
        std::vector<std::string> names;
        for (const bnn::Isa& isa : bnn::known_isas())
            if (isa.supported) names.emplace_back(isa.name);
        return names;
    });
    module.def("operations", &bnn::operation_names);
    module.def("limit_of", [](const std::string& isa) {
        const auto found = bnn::limits().find(isa);
        return std::string(found == bnn::limits().end() ? "" : found->second.what);
    });
    module.def("run_limit", [](const std::string& isa, long rounds) {
        return bnn::limits().at(isa).run(rounds);
    });
    module.def("seconds_to_read", [](const PyWords& words) {
        return bnn::seconds_to_read(words.data(), words.size());
    });
    nb::class_<Engine>(module, "Engine")
        .def("__init__",
             [](Engine* self, const std::vector<PyType>& types, const std::vector<PyNode>& nodes,
                int threads, const std::string& isa) {
                 new (self) Engine(graph_of(types, nodes), threads, isa);
             })
        .def_prop_ro("isa", &Engine::isa)
        .def_prop_ro("threads", &Engine::threads)
        .def_prop_ro("step_nodes", &Engine::step_nodes)
        .def_prop_ro("takes_normalized", &Engine::takes_normalized)
        .def("run", [](Engine& self, const PyPixels& images, const PyScores& scores) {
            const nb::gil_scoped_release release;
            self.run(images_of(images, false), scores.data());
        })
        .def("run_normalized", [](Engine& self, const PyReals& images, const PyScores& scores) {
            const nb::gil_scoped_release release;
            self.run(images_of(images, true), scores.data());
        })
        .def("run_timed", [](Engine& self, const PyPixels& images, const PyScores& scores,
                             const PySeconds& seconds) {
            const nb::gil_scoped_release release;
            self.run_timed(images_of(images, false), scores.data(), seconds.data());
        });
}
