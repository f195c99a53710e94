#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <span>
#include <utility>

#include "cpu.h"
#include "engine/float_state.h"

namespace bnn {
namespace {

double now() {
    using Clock = std::chrono::steady_clock;
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

// A call with more samples becomes several jobs. Each of them ends soon after an interruption.
constexpr std::int64_t job_samples = 1 << 16;

// Scratch is an arena with a single value at its start.
const Layout scratch_layout{{Kind::u8, 1, 1, 1}};

// A row of the map without its border.
std::size_t row_bytes(const Layout& layout) {
    return static_cast<std::size_t>(layout.type.width) * layout.pixel_elements() *
           layout.element_bytes();
}

std::size_t plain_bytes(const Layout& layout) { return layout.type.height * row_bytes(layout); }

// Calls copy(row in the arena, row without a border, bytes) for each row of a value.
template <typename Byte, typename Copy>
void for_each_row(const Layout& layout, const Arena& arena, Byte* plain, Copy copy) {
    const std::size_t stride = layout.row_stride() * layout.element_bytes();
    const std::size_t left = layout.left * layout.pixel_elements() * layout.element_bytes();
    const std::size_t bytes = row_bytes(layout);
    std::byte* inside = arena.start(layout) + layout.top * stride + left;
    for (int y = 0; y < layout.type.height; ++y) copy(inside + y * stride, plain + y * bytes, bytes);
}

void copy_in(const Layout& layout, const Arena& arena, const std::byte* plain) {
    for_each_row(layout, arena, plain,
                 [](std::byte* inside, const std::byte* from, std::size_t bytes) {
                     std::memcpy(inside, from, bytes);
                 });
}

}  // namespace

Engine::Engine(Graph graph, int threads, const std::string& isa)
    : isa_(choose_isa(isa)), plan_(std::move(graph), isa_), threads_(threads), stages_(threads) {
    for (int thread = 0; thread < threads; ++thread) {
        for (int sample = 0; sample < plan_.group(); ++sample)
            arenas_.emplace_back(plan_.arena_bytes(), plan_.given());
        scratch_.emplace_back(plan_.scratch_bytes());
    }
}

bool Engine::run(const Batch& batch, double* seconds, const Interruption::Ask& interrupted) {
    const std::lock_guard<std::mutex> lock(mutex_);
    interruption_.start(interrupted);
    for (std::int64_t first = 0; first < batch.count; first += job_samples) {
        run_job(job_of(batch, first, seconds));
        if (interruption_.happened()) return false;
    }
    return true;
}

// Threads run whole samples while there is one for each thread. They share the remaining samples,
// step by step.
Engine::Job Engine::job_of(const Batch& batch, std::int64_t first, double* seconds) const {
    Job job{batch, seconds, 0};
    for (int input = 0; input < plan_.inputs(); ++input) {
        const Layout& layout = plan_.layout(input);
        // Instead of each pixel there may be a number.
        const std::size_t bytes = plain_bytes(layout) * (batch.normalized ? sizeof(float) : 1);
        job.batch.inputs[input] =
            static_cast<const std::byte*>(batch.inputs[input]) + first * bytes;
    }
    for (std::size_t output = 0; output < plan_.outputs().size(); ++output)
        job.batch.outputs[output] = static_cast<std::byte*>(batch.outputs[output]) +
                                    first * plain_bytes(plan_.layout(plan_.outputs()[output]));
    job.batch.count = std::min(batch.count - first, job_samples);
    job.whole = job.count() / threads() * threads();
    return job;
}

void Engine::run_job(const Job& job) {
    next_sample_ = 0;
    samples_left_ = job.whole;
    stages_.start((job.count() - job.whole) * plan_.steps().size());
    if (job.whole == 0) begin_together(job);
    threads_.run([&](int thread) {
        const DefaultFloatState state;
        run_each(job, thread);
        if (job.whole < job.count()) run_together(job, thread);
    });
}

void Engine::run_each(const Job& job, int thread) {
    // No more than the share of a thread.
    const int group = std::clamp(job.whole / threads(), 1, plan_.group());
    for (int first = next_sample_.fetch_add(group); first < job.whole;
         first = next_sample_.fetch_add(group)) {
        const int count = std::min(group, job.whole - first);
        run_group(job, first, count, thread);
        // Threads can share the first arena only after all whole samples have been stored.
        const int left = samples_left_ -= count;
        if (left == 0 && job.whole < job.count()) begin_together(job);
    }
}

void Engine::run_group(const Job& job, int first, int count, int thread) {
    const std::span<Arena> arenas(
        arenas_.data() + static_cast<std::size_t>(thread) * plan_.group(), count);
    for (int sample = 0; sample < count; ++sample) load(job.batch, first + sample, arenas[sample]);
    double* times = thread == 0 ? job.seconds : nullptr;
    for (const PlannedStep& planned : plan_.steps()) {
        const double start = times ? now() : 0;
        if (is_due(planned, job, thread)) planned.step->run_group(arenas, scratch_of(thread));
        if (times) *times++ += now() - start;
    }
    for (int sample = 0; sample < count; ++sample) store(job.batch, first + sample, arenas[sample]);
}

void Engine::begin_together(const Job& job) {
    load(job.batch, job.whole, arenas_[0]);
    if (job.seconds) stage_began_ = now();
    stages_.open();
}

void Engine::run_together(const Job& job, int thread) {
    const std::size_t steps = plan_.steps().size();
    const auto part = [&](std::uint64_t stage, int index) {
        const PlannedStep& planned = plan_.steps()[(stage - 1) % steps];
        if (is_due(planned, job, thread))
            planned.step->run(arenas_[0], {index, threads()}, scratch_of(thread));
    };
    const auto ended = [&](std::uint64_t stage) {
        if (job.seconds) {
            const double time = now();
            job.seconds[(stage - 1) % steps] += time - stage_began_;
            stage_began_ = time;
        }
        if (stage % steps != 0) return;
        const int index = job.whole + static_cast<int>(stage / steps) - 1;
        store(job.batch, index, arenas_[0]);
        if (index + 1 < job.count()) load(job.batch, index + 1, arenas_[0]);
    };
    stages_.work(thread, part, ended);
}

bool Engine::is_due(const PlannedStep& planned, const Job& job, int thread) {
    if (thread == 0) interruption_.look();
    if (interruption_.happened()) return false;
    return !(job.batch.normalized && planned.normalizes);  // else these numbers were given
}

void* Engine::scratch_of(int thread) const {
    return scratch_[thread].at<std::byte>(scratch_layout);
}

void Engine::load(const Batch& batch, int index, Arena& arena) const {
    for (std::size_t output = 0; output < plan_.outputs().size(); ++output) {
        const Layout& layout = plan_.layout(plan_.outputs()[output]);
        if (layout.given >= 0) arena.set_given(layout, output_of(batch, output, index));
    }
    if (batch.normalized) return load_normalized(batch.inputs[0], index, arena);
    for (int input = 0; input < plan_.inputs(); ++input) {
        const Layout& layout = plan_.layout(input);
        const auto* from = static_cast<const std::byte*>(batch.inputs[input]) +
                           index * plain_bytes(layout);
        if (layout.given >= 0)
            arena.set_given(layout, from);
        else
            copy_in(layout, arena, from);
    }
}

void Engine::load_normalized(const void* numbers, int index, const Arena& arena) const {
    for (const PlannedStep& planned : plan_.steps()) {
        if (!planned.normalizes) continue;
        const Layout& layout = plan_.layout(planned.value);
        copy_in(layout, arena, static_cast<const std::byte*>(numbers) + index * plain_bytes(layout));
    }
}

void Engine::store(const Batch& batch, int index, const Arena& arena) const {
    if (interruption_.happened()) return;  // the arena may hold the outputs of another sample
    for (std::size_t output = 0; output < plan_.outputs().size(); ++output) {
        const Layout& layout = plan_.layout(plan_.outputs()[output]);
        if (layout.given >= 0) continue;
        for_each_row(layout, arena, output_of(batch, output, index),
                     [](const std::byte* inside, std::byte* plain, std::size_t bytes) {
                         std::memcpy(plain, inside, bytes);
                     });
    }
}

std::byte* Engine::output_of(const Batch& batch, std::size_t output, int index) const {
    return static_cast<std::byte*>(batch.outputs[output]) +
           index * plain_bytes(plan_.layout(plan_.outputs()[output]));
}

std::vector<int> Engine::step_nodes() const {
    std::vector<int> nodes;
    for (const PlannedStep& planned : plan_.steps()) nodes.push_back(planned.node);
    return nodes;
}

bool Engine::takes_normalized() const { return plan_.pixels_only_normalized(); }

}  // namespace bnn
