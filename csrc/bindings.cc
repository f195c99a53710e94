// The only file that knows Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <exception>
#include <optional>
#include <system_error>

#include "cpu.h"
#include "engine/engine.h"
#include "kernels/peak/contract.h"
#include "kernels/peak/read.h"
#include "thread_end.h"

namespace nb = nanobind;

namespace {

using bnn::Engine;
using bnn::Graph;

using PyBytes = nb::ndarray<const std::uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using PyNode = std::tuple<std::string, std::vector<int>, std::map<std::string, std::vector<double>>,
                          std::map<std::string, std::vector<std::string>>,
                          std::map<std::string, PyBytes>>;
using PyType = std::tuple<std::string, int, int, int>;
// An array of any element type and rank: the Python code has checked both.
using PyInput = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using PyOutput = nb::ndarray<nb::c_contig, nb::device::cpu>;
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

Graph graph_of(const std::vector<PyType>& types, const std::vector<PyNode>& nodes,
               const std::vector<int>& outputs) {
    Graph graph;
    graph.outputs = outputs;
    for (const auto& [kind, height, width, channels] : types)
        graph.types.push_back({kind_of(kind), height, width, channels});
    for (const auto& [op, inputs, attributes, names, tensors] : nodes) {
        bnn::Node node{op, inputs, attributes, names, {}};
        for (const auto& [name, bytes] : tensors) node.tensors.emplace(name, copy(bytes));
        graph.nodes.push_back(std::move(node));
    }
    return graph;
}

bnn::Batch batch_of(const std::vector<PyInput>& inputs, const std::vector<PyOutput>& outputs,
                    bool normalized) {
    bnn::Batch batch{{}, {}, static_cast<std::int64_t>(inputs.at(0).shape(0)), normalized};
    for (const PyInput& one : inputs) batch.inputs.push_back(one.data());
    for (const PyOutput& one : outputs) batch.outputs.push_back(one.data());
    return batch;
}

// The interpreter is free for other threads while this lives.
class ReleasedInterpreter {
public:
    ReleasedInterpreter() : thread_(PyEval_SaveThread()) {}
    ~ReleasedInterpreter() { take(); }

    // Calls `ask` with the interpreter held.
    template <typename Ask>
    bool call(Ask ask) {
        take();
        const bool answer = ask();
        thread_ = PyEval_SaveThread();
        return answer;
    }

private:
    // While the interpreter is ending, Python ends the thread instead of returning.
    void take() {
        bnn::call_without_end(
            [](void* thread) { PyEval_RestoreThread(static_cast<PyThreadState*>(thread)); },
            thread_);
    }

    PyThreadState* thread_;
};

// signals: whether this is the thread to which Python passes the signals of the process.
void run(Engine& self, const bnn::Batch& batch, const std::optional<PySeconds>& seconds,
         bool signals) {
    bool ended = false;
    {
        ReleasedInterpreter released;
        bnn::Interruption::Ask ask;
        if (signals) ask = [&] { return released.call([] { return PyErr_CheckSignals() != 0; }); };
        ended = self.run(batch, seconds ? seconds->data() : nullptr, ask);
    }
    if (!ended) throw nb::python_error();
}

}  // namespace

// The name that Python looks for belongs to the function at the end of this file.
#define PyInit__engine init_in_main_interpreter

NB_MODULE(_engine, module) {
    // A daemon thread may hold an engine at the end. A user cannot do anything about it.
    nb::set_leak_warnings(false);
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
        const auto found = bnn::peaks().find(isa);
        return std::string(found == bnn::peaks().end() ? "" : found->second.what);
    });
    module.def("run_limit", [](const std::string& isa, long rounds) {
        return bnn::peaks().at(isa).run(rounds);
    });
    module.def("seconds_to_read", [](const PyWords& words) {
        return bnn::seconds_to_read(words.data(), words.size());
    });
    nb::class_<Engine>(module, "Engine")
        .def("__init__",
             [](Engine* self, const std::vector<PyType>& types, const std::vector<PyNode>& nodes,
                const std::vector<int>& outputs, int threads, const std::string& isa) {
                 new (self) Engine(graph_of(types, nodes, outputs), threads, isa);
             })
        .def_prop_ro("isa", &Engine::isa)
        .def_prop_ro("threads", &Engine::threads)
        .def_prop_ro("step_nodes", &Engine::step_nodes)
        .def_prop_ro("takes_normalized", &Engine::takes_normalized)
        .def("run",
             [](Engine& self, const std::vector<PyInput>& inputs,
                const std::vector<PyOutput>& outputs, bool normalized,
                const std::optional<PySeconds>& seconds, bool signals) {
                 run(self, batch_of(inputs, outputs, normalized), seconds, signals);
             },
             nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg());
}

#undef PyInit__engine

// nanobind keeps one state for the whole process. Its very first line, run in a second interpreter,
// would break the engines of the first interpreter.
extern "C" NB_EXPORT PyObject* PyInit__engine() {
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) == 0) return init_in_main_interpreter();
    PyErr_SetString(PyExc_ImportError,
                    "signbit's engine runs in the main interpreter alone; use threads or processes "
                    "instead of subinterpreters");
    return nullptr;
}
