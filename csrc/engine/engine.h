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

// Samples, one after the other, without gaps, channels last. Each input and output has its own
// memory. Bits are words.
// normalized: whether the inputs are float32 numbers in the model's own space instead of pixels.
struct Batch {
    std::vector<const void*> inputs;
    std::vector<void*> outputs;
    std::int64_t count;
    bool normalized;
};

class Engine {
public:
    // isa: empty for the fastest. Throws std::invalid_argument for one that does not run here.
    Engine(Graph graph, int threads, const std::string& isa);

    // Calls from several threads wait for each other. Returns false where `interrupted` ended the
    // call: some outputs are then not written.
    // seconds: nullptr, or one entry for each step. The seconds of the step are added to it, for the
    // samples that the calling thread runs and for those that all threads share.
    bool run(const Batch& batch, double* seconds, const Interruption::Ask& interrupted);

    int threads() const { return threads_.size(); }
    const std::string& isa() const { return isa_; }
    // The first node that each step computes.
    std::vector<int> step_nodes() const;
    // Whether only normalization reads the pixels, so that float images can replace them.
    bool takes_normalized() const;

private:
    struct Job {
        Batch batch;      // no more samples than an int can count
        double* seconds;  // or nullptr
        int whole;        // the number of samples, the first ones, that one thread runs alone
        int count() const { return static_cast<int>(batch.count); }
    };

    Job job_of(const Batch& batch, std::int64_t first, double* seconds) const;
    void run_job(const Job& job);
    void run_each(const Job& job, int thread);
    void run_group(const Job& job, int first, int count, int thread);
    void begin_together(const Job& job);
    void run_together(const Job& job, int thread);
    // Whether a step has to run, as far as a thread knows.
    bool is_due(const PlannedStep& planned, const Job& job, int thread);
    void* scratch_of(int thread) const;
    // The inputs of a sample: copied to the arena, or left where the caller has them.
    void load(const Batch& batch, int index, Arena& arena) const;
    void load_normalized(const void* numbers, int index, const Arena& arena) const;
    // The outputs of a sample that are not in the caller's memory yet.
    void store(const Batch& batch, int index, const Arena& arena) const;
    std::byte* output_of(const Batch& batch, std::size_t output, int index) const;

    std::string isa_;
    Plan plan_;
    std::vector<Arena> arenas_, scratch_;  // a group of arenas, and one scratch, for each thread
    Threads threads_;
    Stages stages_;
    std::atomic<int> next_sample_{0}, samples_left_{0};
    double stage_began_ = 0;
    Interruption interruption_;
    std::mutex mutex_;
};

}  // namespace bnn
