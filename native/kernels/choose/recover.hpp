// What a call of a way that spreads does where it meets numbers that are not finite.
//
// A window or a filter that holds a NaN gives NaN. One that holds an infinity and no NaN gives an infinity where every
// product that is not finite has the same sign, else NaN: a convolution of the signs of the infinities with the signs
// of the weights tells, compared with their count. All other outputs are those of an input and weights with zeros in
// place of what is not finite. So a spoiled call costs at most three more of the same way, however many numbers are not
// finite and wherever they lie. Where another way, which does not spread, is nearly as fast, or where finite numbers
// are so large that the way overflows, that one computes everything.
#pragma once

#include "base/memory.hpp"
#include "ways/way.hpp"

#include <atomic>
#include <mutex>

namespace striate {

// One set of weights, float32, as a spoiled call needs them: what is not finite in each filter, and packed forms made
// at first need.
class Filters {
public:
    enum Form { finite, signs, infinities, given, forms };

    // `weight` is (k, c/groups, kh, kw), which is copied.
    Filters(const Problem& problem, const void* weight);

    struct Counts {
        std::vector<int64_t> infinite;  // of a filter, -1 where it holds a NaN
        bool all_finite = true, any_infinite = false;
    };
    const Counts& counts() const;

    // With zero in place of what is not finite; the signs of all weights; those of the infinite ones; the weights as
    // they are. Each form is to be asked for with one way.
    const void* packed(Form form, const Way& way) const;
    size_t bytes() const { return bytes_.load(); }

private:
    struct Lazy {
        std::once_flag once;
        Memory memory;
    };

    int64_t size_, filters_;  // numbers of a filter, filters
    Memory weight_;
    mutable std::once_flag counted_;
    mutable Counts counts_;
    mutable Lazy packed_[forms];
    mutable std::atomic<size_t> bytes_;
};

// Computes what a spoiled run of `way` with `args` and weights `filters` did not; `other` does not spread and costs
// as much as `other_runs` runs of `way`, whatever the number of threads. Takes
// memory for a copy of the input, two numbers for each pixel of each group and a byte for each output.
void recover(const Problem& problem, const Way& way, const Way& other, const Filters& filters, const Args& args,
             int threads, double other_runs);

}  // namespace striate
