// Runs a plan over images, on one or several threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "engine/interruption.h"
#include "engine/plan.h"
#include "engine/threads.h"
#include "engine/stages.h"

namespace bnn {

// Images one after the other, without gaps, NHWC: pixels, or where `normalized` float32 in the
// model's own space.
struct Images {
    const void* data;
    std::int64_t count;
    bool normalized;
};

class Engine {
public:
    // isa: empty for the fastest. Throws std::invalid_argument for one that cannot be.
    Engine(const Graph& graph, int threads, const std::string& isa);

    // Calls from several threads wait for each other. Returns false where `interrupted` ended the
    // call: some scores are then not written.
    // scores: count x classes.
    // seconds: nullptr, or one entry a step, to which the seconds of each are added: in the images
    // that the calling thread runs, and in those that all share.
    bool run(const Images& images, float* scores, double* seconds,
             const Interruption::Ask& interrupted);

    int threads() const { return threads_.size(); }
    const std::string& isa() const { return isa_; }
    // The first node that each step stands for.
    std::vector<int> step_nodes() const;
    // Whether pixels are read by normalization alone, so that float images can take their place.
    bool takes_normalized() const;

private:
    struct Job {
        Images images;    // no more than an int counts
        float* scores;
        double* seconds;  // or nullptr
        int whole;        // images that a thread runs alone, the first ones
        int count() const { return static_cast<int>(images.count); }
    };

    Job job_of(const Images& images, std::int64_t first, float* scores, double* seconds) const;
    void run_job(const Job& job);
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
    Interruption interruption_;
    std::mutex mutex_;
};

}  // namespace bnn
