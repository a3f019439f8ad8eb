// The public face of the kernels: choose a way for a problem, pack weights once, run.
#pragma once

#include "base/memory.hpp"
#include "choose/recover.hpp"

namespace striate {

// Weights in one layout, for every plan of that layout. Immutable, so any number of threads may use it.
class Packed {
public:
    Packed(size_t bytes, std::string layout) : memory_(allocate(bytes)), bytes_(bytes), layout_(std::move(layout)) {}
    const void* data() const { return memory_.get(); }
    void* data() { return memory_.get(); }
    const std::string& layout() const { return layout_; }
    // Of weights for a way that spreads.
    void keep_filters(std::unique_ptr<const Filters> filters) { filters_ = std::move(filters); }
    const Filters* filters() const { return filters_.get(); }
    size_t bytes() const { return bytes_ + (filters_ ? filters_->bytes() : 0); }

private:
    Memory memory_;
    size_t bytes_;
    std::string layout_;
    std::unique_ptr<const Filters> filters_;
};

class Plan {
public:
    // `algorithm` is a way's name or "auto"; `strict` keeps "auto" to ways with direct's error bound, and so does one
    // channel to a group on either side, unless another way takes less than half the time; `threads` 0 means
    // get_threads(). Throws std::invalid_argument where the way is unknown or cannot compute the problem.
    // `once` counts packing too: weights are packed for each call.
    Plan(const Problem& problem, const std::string& algorithm, bool strict, int threads, bool once = false);

    const Problem& problem() const { return problem_; }
    const Way& way() const { return *way_; }
    // What "auto" multiplies the way's time by, since its rounding loses integers, zeros and signs of filtered
    // channels.
    double price() const;
    // As many as asked for, fewer where their workspaces would pass the problem's limit together.
    int threads() const { return threads_; }
    // Plans of one layout take each other's packed weights.
    const std::string& layout() const { return layout_; }
    size_t workspace_bytes() const { return way_->facts.workspace_bytes * size_t(threads_); }
    const std::vector<std::pair<std::string, double>>& candidates() const { return candidates_; }

    // `weight` is (k, c/groups, kh, kw), contiguous.
    std::shared_ptr<const Packed> pack(const void* weight) const;
    // Arrays are contiguous NCHW of the problem's sizes. Throws std::invalid_argument where `packed` has another
    // layout.
    void run(const void* x, const Packed& packed, const void* bias, Activation activation, void* out) const;
    // Packs `weight` for this call alone.
    void run_unpacked(const void* x, const void* weight, const void* bias, Activation activation, void* out) const;
    void run_turned(const void* x, const Turned& weight, const void* bias, Activation activation, void* out) const;

private:
    bool spoiled(Args args) const;  // runs the way

    Problem problem_;
    int threads_;
    std::shared_ptr<const Way> way_, other_;  // `other_`, which does not spread, computes what spoils `way_`
    std::string layout_;
    double other_runs_ = 0;  // of `way_`, that one of `other_` costs
    std::vector<std::pair<std::string, double>> candidates_;
};

}  // namespace striate
