// One output by the definition: for the few that a fast way must compute again.
#pragma once

#include "problem.hpp"

#include "simd.hpp"

namespace striate::STRIATE_TARGET {

// The sum of output (image, k, oy, ox), without bias; `weight` is (k, c/groups, kh, kw).
template <class T>
T exact_sum(const Problem& p, const T* x, const T* weight, int64_t image, int64_t k, int64_t oy, int64_t ox) {
    const int64_t cg = p.group_c(), g = k / p.group_k();
    T sum = 0;
    for (int64_t c = 0; c < cg; ++c)
        for (int64_t r = 0; r < p.kh; ++r)
            for (int64_t s = 0; s < p.kw; ++s) {
                const int64_t y = oy * p.sh + r * p.dh - p.pad_top, xx = ox * p.sw + s * p.dw - p.pad_left;
                const bool inside = y >= 0 && y < p.h && xx >= 0 && xx < p.w;
                const T value = inside ? x[((image * p.c + g * cg + c) * p.h + y) * p.w + xx] : T(0);
                sum += weight[((k * cg + c) * p.kh + r) * p.kw + s] * value;
            }
    return sum;
}

template <class T>
inline bool finite(T v) { return v - v == T(0); }

template <class T>
inline T activate_one(T v, Activation activation) {
    if (activation != Activation::none && v < T(0)) v = T(0);
    if (activation == Activation::relu6 && v > T(6)) v = T(6);
    return v;
}

}  // namespace striate::STRIATE_TARGET
