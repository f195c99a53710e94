// Runs a plan over samples, on one or several threads.
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

// Samples, one after the other, without gaps, channels last: for each input and output its own
// memory. Bits are words.
// normalized: whether, in place of pixels, float32 numbers in the model's own space are given.
struct Batch {
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
    std::int64_t count;
    bool normalized;
};

class Engine {
public:
    // isa: empty for the fastest. Throws std::invalid_argument for one that cannot be.
    Engine(const Graph& graph, int threads, const std::string& isa);

    // Calls from several threads wait for each other. Returns false where `interrupted` ended the
    // call: some outputs are then not written.
    // seconds: nullptr, or one entry a step, to which the seconds of each are added: in the samples
    // that the calling thread runs, and in those that all share.
    bool run(const Batch& batch, double* seconds, const Interruption::Ask& interrupted);

    int threads() const { return threads_.size(); }
    const std::string& isa() const { return isa_; }
    // The first node that each step stands for.
    std::vector<int> step_nodes() const;
    // Whether pixels are read by normalization alone, so that float images can take their place.
    bool takes_normalized() const;

private:
    struct Job {
        Batch batch;      // no more than an int counts
        double* seconds;  // or nullptr
        int whole;        // samples that a thread runs alone, the first ones
        int count() const { return static_cast<int>(batch.count); }
    };

    Job job_of(const Batch& batch, std::int64_t first, double* seconds) const;
    void run_job(const Job& job);
    void run_each(const Job& job, int thread);
    void begin_together(const Job& job);
    void run_together(const Job& job, int thread);
    void run_step(const PlannedStep& planned, const Job& job, const Arena& arena, Part part,
                  int thread);
    void load(const Batch& batch, int index, const Arena& arena) const;
    void load_normalized(const void* numbers, int index, const Arena& arena) const;
    void store(const Batch& batch, int index, const Arena& arena) const;

    std::string isa_;
    Plan plan_;
    std::vector<Arena> arenas_, scratch_;  // one of each per thread
    Threads threads_;
    Stages stages_;
    std::atomic<int> next_sample_{0}, samples_left_{0};
    double stage_began_ = 0;
    Interruption interruption_;
    std::mutex mutex_;
};

}  // namespace bnn
