// The gradient of a convolution with respect to its weights.
#pragma once

#include "base/problem.hpp"

namespace striate {

// `x` and `grad`, of the output's sizes, give `out`, of the weight's; all are contiguous. The same bits for any number
// of threads; 0 threads are get_threads(). `p` is `checked`.
void weight_gradient(const Problem& p, const void* x, const void* grad, void* out, int threads);

}  // namespace striate
