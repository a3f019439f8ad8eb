// What one target offers to the rest: a table of kernels.
#pragma once

#include "ways/depthwise.hpp"
#include "ways/direct.hpp"
#include "ways/fft.hpp"
#include "ways/gemm.hpp"
#include "base/pool.hpp"
#include "base/problem.hpp"
#include "ways/weight_gradient.hpp"
#include "ways/winograd.hpp"
#include "ways/winograd1d.hpp"

namespace striate {

template <class Plan>
using TaskOf = void (*)(const Plan&, const Args&, const Unit&);

struct Target {
    const char* name;
    int vector_bytes;
    bool many_registers;  // 32 vector registers, not 16
    // Runs `rounds` times 24 vector multiply-adds in the register block of `direct`; `values` holds 128 numbers. The result
    // only keeps them from being dropped.
    float (*burn)(int64_t rounds, const float* values);
#define STRIATE_KERNEL(name, plan, element) TaskOf<plan> name##_##element;
#include "ways/ways.def"
#undef STRIATE_KERNEL

    template <class T>
    int64_t lanes() const { return vector_bytes / int64_t(sizeof(T)); }
    int64_t lanes(DType dtype) const { return vector_bytes / (dtype == DType::float32 ? 4 : 8); }
};

}  // namespace striate
