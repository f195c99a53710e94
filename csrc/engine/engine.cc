#include "engine/engine.h"

#include <chrono>
#include <cstring>

#include "cpu.h"

namespace bnn {
namespace {

double now() {
    using Clock = std::chrono::steady_clock;
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

// Scratch is an arena with a single value at its start.
const Layout scratch_layout{{Kind::u8, 1, 1, 1}};

}  // namespace

Engine::Engine(const Graph& graph, int threads, const std::string& isa)
    : isa_(choose_isa(isa)), plan_(graph, isa_), threads_(threads), barrier_(threads) {
    for (int thread = 0; thread < threads; ++thread) {
        arenas_.emplace_back(plan_.arena_bytes());
        scratch_.emplace_back(plan_.scratch_bytes());
    }
}

void Engine::run(const Images& images, float* scores) {
    const std::lock_guard<std::mutex> lock(mutex_);
    run_locked(images, scores, nullptr);
}

void Engine::run_timed(const Images& images, float* scores, double* seconds) {
    const std::lock_guard<std::mutex> lock(mutex_);
    run_locked(images, scores, seconds);
}

// Whole images are dealt out in rounds of one per thread; the rest is worked on together, where
// there are too few for all.
void Engine::run_locked(const Images& images, float* scores, double* seconds) {
    threads_.run([&](int thread) {
        run_each(images, scores, seconds, thread);
        run_together(images, scores, seconds, thread);
    });
}

void Engine::run_each(const Images& images, float* scores, double* seconds, int thread) {
    const int rounds = images.count / threads();
    for (int index = thread * rounds; index < (thread + 1) * rounds; ++index) {
        const Arena& arena = arenas_[thread];
        load(images, index, arena);
        double* times = thread == 0 ? seconds : nullptr;
        for (const PlannedStep& planned : plan_.steps()) {
            const double start = times ? now() : 0;
            if (!(images.normalized && planned.normalizes))
                planned.step->run(arena, {}, scratch_[thread].at<std::byte>(scratch_layout));
            if (times) *times++ += now() - start;
        }
        store(scores, index, arena);
    }
}

void Engine::run_together(const Images& images, float* scores, double* seconds, int thread) {
    const Arena& arena = arenas_[0];
    const Part part{thread, threads()};
    for (int index = images.count / threads() * threads(); index < images.count; ++index) {
        barrier_.wait();
        if (thread == 0) load(images, index, arena);
        barrier_.wait();
        double* times = thread == 0 ? seconds : nullptr;
        for (const PlannedStep& planned : plan_.steps()) {
            const double start = times ? now() : 0;
            if (!(images.normalized && planned.normalizes))
                planned.step->run(arena, part, scratch_[thread].at<std::byte>(scratch_layout));
            barrier_.wait();
            if (times) *times++ += now() - start;
        }
        if (thread == 0) store(scores, index, arena);
    }
}

void Engine::load(const Images& images, int index, const Arena& arena) const {
    const ValueType& type = plan_.pixels().type;
    const std::size_t row = static_cast<std::size_t>(type.width) * type.channels;
    const std::size_t image = row * type.height;
    if (!images.normalized) {
        const auto* from = static_cast<const std::uint8_t*>(images.data) + index * image;
        auto* to = arena.at<std::uint8_t>(plan_.pixels());
        for (int y = 0; y < type.height; ++y)
            std::memcpy(to + y * plan_.pixels().row_stride(), from + y * row, row);
        return;
    }
    const auto* from = static_cast<const float*>(images.data) + index * image;
    for (const PlannedStep& planned : plan_.steps())
        if (planned.normalizes)
            std::memcpy(arena.at<float>(plan_.layout(planned.node)), from, image * sizeof(float));
}

void Engine::store(float* scores, int index, const Arena& arena) const {
    const std::size_t classes = plan_.scores().type.channels;
    std::memcpy(scores + index * classes, arena.at<float>(plan_.scores()), classes * sizeof(float));
}

std::vector<int> Engine::step_nodes() const {
    std::vector<int> nodes;
    for (const PlannedStep& planned : plan_.steps()) nodes.push_back(planned.node);
    return nodes;
}

bool Engine::takes_normalized() const { return plan_.pixels_only_normalized(); }

}  // namespace bnn
