#include "engine/engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "cpu.h"
#include "engine/float_state.h"

namespace bnn {
namespace {

double now() {
    using Clock = std::chrono::steady_clock;
    return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

// A call of more images is several jobs, each of which ends soon once it is interrupted.
constexpr std::int64_t job_images = 1 << 16;

// Scratch is an arena with a single value at its start.
const Layout scratch_layout{{Kind::u8, 1, 1, 1}};

}  // namespace

Engine::Engine(const Graph& graph, int threads, const std::string& isa)
    : isa_(choose_isa(isa)), plan_(graph, isa_), threads_(threads), stages_(threads) {
    for (int thread = 0; thread < threads; ++thread) {
        arenas_.emplace_back(plan_.arena_bytes());
        scratch_.emplace_back(plan_.scratch_bytes());
    }
}

bool Engine::run(const Images& images, float* scores, double* seconds,
                 const Interruption::Ask& interrupted) {
    const std::lock_guard<std::mutex> lock(mutex_);
    interruption_.start(interrupted);
    for (std::int64_t first = 0; first < images.count; first += job_images) {
        run_job(job_of(images, first, scores, seconds));
        if (interruption_.happened()) return false;
    }
    return true;
}

// Threads take whole images, as many as leave none without one; the others they share, step by step.
Engine::Job Engine::job_of(const Images& images, std::int64_t first, float* scores,
                           double* seconds) const {
    const ValueType& type = plan_.pixels().type;
    const std::int64_t pixels = std::int64_t{type.height} * type.width * type.channels;
    const std::int64_t bytes = images.normalized ? pixels * sizeof(float) : pixels;
    const auto* data = static_cast<const std::byte*>(images.data) + first * bytes;
    const int count = static_cast<int>(std::min(images.count - first, job_images));
    return {{data, count, images.normalized},
            scores + first * plan_.scores().type.channels,
            seconds,
            count / threads() * threads()};
}

void Engine::run_job(const Job& job) {
    next_image_ = 0;
    images_left_ = job.whole;
    stages_.start((job.count() - job.whole) * plan_.steps().size());
    if (job.whole == 0) begin_together(job);
    threads_.run([&](int thread) {
        const DefaultFloatState state;
        run_each(job, thread);
        if (job.whole < job.count()) run_together(job, thread);
    });
}

void Engine::run_each(const Job& job, int thread) {
    const Arena& arena = arenas_[thread];
    for (int index = next_image_++; index < job.whole; index = next_image_++) {
        load(job.images, index, arena);
        double* times = thread == 0 ? job.seconds : nullptr;
        for (const PlannedStep& planned : plan_.steps()) {
            const double start = times ? now() : 0;
            run_step(planned, job, arena, {}, thread);
            if (times) *times++ += now() - start;
        }
        store(job.scores, index, arena);
        // The first arena is free for what threads share only when all images have been stored.
        if (--images_left_ == 0 && job.whole < job.count()) begin_together(job);
    }
}

void Engine::begin_together(const Job& job) {
    load(job.images, job.whole, arenas_[0]);
    if (job.seconds) stage_began_ = now();
    stages_.open();
}

void Engine::run_together(const Job& job, int thread) {
    const std::size_t steps = plan_.steps().size();
    const auto part = [&](std::uint64_t stage, int index) {
        run_step(plan_.steps()[(stage - 1) % steps], job, arenas_[0], {index, threads()}, thread);
    };
    const auto ended = [&](std::uint64_t stage) {
        if (job.seconds) {
            const double time = now();
            job.seconds[(stage - 1) % steps] += time - stage_began_;
            stage_began_ = time;
        }
        if (stage % steps != 0) return;
        const int index = job.whole + static_cast<int>(stage / steps) - 1;
        store(job.scores, index, arenas_[0]);
        if (index + 1 < job.count()) load(job.images, index + 1, arenas_[0]);
    };
    stages_.work(thread, part, ended);
}

void Engine::run_step(const PlannedStep& planned, const Job& job, const Arena& arena, Part part,
                      int thread) {
    if (thread == 0) interruption_.look();
    if (interruption_.happened()) return;
    if (job.images.normalized && planned.normalizes) return;  // these numbers were given
    planned.step->run(arena, part, scratch_[thread].at<std::byte>(scratch_layout));
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
    if (interruption_.happened()) return;  // the arena may hold the scores of another image
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
