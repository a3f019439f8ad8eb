// The gradients of a convolution with respect to its input, its weights and its bias.
#pragma once

#include "base/problem.hpp"
#include "ways/target.hpp"

namespace striate {

// Microseconds that input_gradient should take on so many threads; infinite where it does not compute the problem, or
// only with more memory than its threads may use.
double input_gradient_us(const Problem& p, int threads);

// The output's gradient `args.x` and the weights `args.packed`, as they lie, give `args.out`, of the input's sizes; a
// bias for each of the input's channels and the activation are a transposed convolution's. All are contiguous. The same
// bits for any number of threads; 0 threads are get_threads(), of which as many run as the problem's memory allows. `p`
// is `checked`, of float32.
void input_gradient(const Problem& p, const Args& args, int threads);
void input_gradient_on(const Target& target, const Problem& p, const Args& args, int threads);

// `x` and `grad`, of the output's sizes, give `out`, of the weight's; all are contiguous. The same bits for any number
// of threads; 0 threads are get_threads(). `p` is `checked`. Strict sums every tap's products by itself.
void weight_gradient(const Problem& p, const void* x, const void* grad, void* out, bool strict, int threads);

// As above, by the kernel asked for; at least 1 thread. `rows` computes filters of one channel and stride 1, `winograd`
// kernels of 3x3 without stride and dilation, of float32, the others any problem.
enum class WeightKernel { pixels, lanes, rows, winograd };
WeightKernel choose_weight_kernel(const Target& target, const Problem& p, bool strict);
void weight_gradient_on(const Target& target, WeightKernel kernel, const Problem& p, const void* x, const void* grad,
                        void* out, int threads);

// `grad`, (n, k, plane), summed over all but k; the same bits for any number of threads.
void bias_gradient(DType dtype, int64_t n, int64_t k, int64_t plane, const void* grad, void* out, int threads);
void bias_gradient_on(const Target& target, DType dtype, int64_t n, int64_t k, int64_t plane, const void* grad,
                      void* out, int threads);

}  // namespace striate
