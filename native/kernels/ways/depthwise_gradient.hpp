// The gradient of a convolution of stride 1 with respect to the weights of filters that meet one channel each: both
// sides are read as they lie, a row of pixels at a time, since laying out what each kernel column meets would take
// longer than the products.
#pragma once

#include "base/numbers.hpp"
#include "base/problem.hpp"

namespace striate {

struct DepthwiseGradientPlan {
    Problem p;
    int64_t filters;  // of a task

    int64_t tasks() const { return ceil_div(p.k, filters); }
};

}  // namespace striate
