// What one target offers to the rest: a table of kernels.
#pragma once

#include "base/pool.hpp"
#include "base/problem.hpp"
#include "ways/bias_gradient.hpp"
#include "ways/depthwise.hpp"
#include "ways/depthwise_gradient.hpp"
#include "ways/direct.hpp"
#include "ways/fft.hpp"
#include "ways/gemm.hpp"
#include "ways/input_gradient.hpp"
#include "ways/weight_gradient.hpp"
#include "ways/winograd.hpp"
#include "ways/winograd1d.hpp"
#include "ways/winograd_gradient.hpp"

namespace striate {

template <class Plan>
using TaskOf = void (*)(const Plan&, const Args&, const Unit&);

// One kernel, for the elements that it computes.
template <class Plan>
struct Kernel {
    TaskOf<Plan> singles, doubles;  // null where it does not compute them

    TaskOf<Plan> of(DType dtype) const { return dtype == DType::float32 ? singles : doubles; }
};

struct Target {
    const char* name;
    int vector_bytes;
    bool many_registers;  // 32 vector registers, not 16
    // Runs `rounds` times 24 vector multiply-adds in the register block of `direct`; `values` holds 128 numbers. The
    // result only keeps them from being dropped.
    float (*burn)(int64_t rounds, const float* values);
#define STRIATE_WAY(name, Plan, elements, error_bound, spreads)
#define STRIATE_KERNEL(name, Plan, elements) Kernel<Plan> name;
#include "ways/ways.def"
#undef STRIATE_WAY
#undef STRIATE_KERNEL

    int64_t lanes(DType dtype) const { return vector_bytes / int64_t(dtype); }
};

}  // namespace striate
