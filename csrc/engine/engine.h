// Runs a plan over images, on one or several threads.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "engine/threads.h"
#include "engine/work.h"

namespace bnn {

// Images one after the other, without gaps, NHWC: pixels, or where `normalized` float32 in the
// model's own space.
struct Images {
    const void* data;
    int count;
    bool normalized;
};

class Engine {
public:
    // isa: empty for the fastest. Throws std::invalid_argument for one that cannot be.
    Engine(const Graph& graph, int threads, const std::string& isa);

    // scores: count x classes. Calls from several threads wait for each other.
    void run(const Images& images, float* scores);

    // The same, adding the seconds of each step to `seconds`, which has one entry a step: in the
    // images that the calling thread runs, and in those that all share.
    void run_timed(const Images& images, float* scores, double* seconds);

    int threads() const { return threads_.size(); }
    const std::string& isa() const { return isa_; }
    // The first node that each step stands for.
    std::vector<int> step_nodes() const;
    // Whether pixels are read by normalization alone, so that float images can take their place.
    bool takes_normalized() const;

private:
    struct Job {
        const Images& images;
        float* scores;
        double* seconds;  // or nullptr
        int whole;        // images that a thread runs alone, the first ones
    };

    void run_each(const Job& job, int thread);
    void begin_together(const Job& job);
    void run_together(const Job& job, int thread);
    void run_step(const PlannedStep& planned, const Job& job, const Arena& arena, Part part,
                  int thread);
    void load(const Images& images, int index, const Arena& arena) const;
    void store(float* scores, int index, const Arena& arena) const;

    std::string isa_;
    Plan plan_;
    std::vector<Arena> arenas_, scratch_;  // one of each per thread
    Threads threads_;
    Stages stages_;
    std::atomic<int> next_image_{0}, images_left_{0};
    double stage_began_ = 0;
    std::mutex mutex_;
};

}  // namespace bnn
