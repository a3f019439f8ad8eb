// The gradients of a convolution with respect to its weights and its bias.
#pragma once

#include "base/problem.hpp"
#include "ways/target.hpp"

namespace striate {

// `x` and `grad`, of the output's sizes, give `out`, of the weight's; all are contiguous. The same bits for any number
// of threads; 0 threads are get_threads(). `p` is `checked`.
void weight_gradient(const Problem& p, const void* x, const void* grad, void* out, int threads);

// As above, by the kernel asked for, which computes any problem; at least 1 thread.
void weight_gradient_on(const Target& target, bool by_lanes, const Problem& p, const void* x, const void* grad,
                        void* out, int threads);

// `grad`, (n, k, plane), summed over all but k; the same bits for any number of threads.
void bias_gradient(DType dtype, int64_t n, int64_t k, int64_t plane, const void* grad, void* out, int threads);
void bias_gradient_on(const Target& target, DType dtype, int64_t n, int64_t k, int64_t plane, const void* grad,
                      void* out, int threads);

}  // namespace striate
