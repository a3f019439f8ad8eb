// What a task of either matrix product knows: its part of the pixels and of the output channels.
#pragma once

#include "base/pool.hpp"
#include "ways/gather.hpp"

namespace striate::STRIATE_TARGET {

struct GemmTask {
    const GemmPlan& g;
    const Args& a;
    int64_t image, group;
    int64_t q0, q1;          // pixels of the output: of the image, or of all images where they are joined
    int64_t block0, block1;  // blocks of output channels
    float *panel, *sums;
    int64_t* offsets;

    const Problem& p = g.p;
    Gatherer gatherer{g, a, image, group};
    Limits<float> limits{a.activation};
    int64_t in_plane = p.h * p.w, plane = p.oh * p.ow, reds = g.reds();
    const float* bias = a.bias ? static_cast<const float*>(a.bias) + group * p.group_k() : nullptr;
    const float* weight = static_cast<const float*>(a.packed) + group * g.group_elements();
    int64_t k_unit = g.k_unit(), k_units = g.k_units(), k_blocks = g.k_blocks();

    // The plan's, without the divisions that are the same every time.
    int64_t k_start(int64_t block) const { return block * k_units / k_blocks * k_unit; }
    const float* input(int64_t of) const { return gatherer.input(of); }
    float* output(int64_t of, int64_t k) const {
        return static_cast<float*>(a.out) + (of * p.k + group * p.group_k() + k) * plane;
    }
};

inline GemmTask gemm_task(const GemmPlan& g, const Args& a, const Unit& unit) {
    const int64_t k_task = unit.task % g.k_tasks, pixels = unit.task / g.k_tasks, pixel_task = pixels % g.pixel_tasks;
    const int64_t groups = pixels / g.pixel_tasks, pixel_unit = g.pixel_unit(), pixel_units = g.pixel_units();
    float* const panel = static_cast<float*>(unit.memory);
    float* const sums = panel + aligned(size_t(g.panel_elements()) * 4) / 4;
    return {g,
            a,
            groups / g.p.groups,
            groups % g.p.groups,
            pixel_task * pixel_units / g.pixel_tasks * pixel_unit,
            least(g.pixels(), (pixel_task + 1) * pixel_units / g.pixel_tasks * pixel_unit),
            k_task * g.k_blocks() / g.k_tasks,
            (k_task + 1) * g.k_blocks() / g.k_tasks,
            panel,
            sums,
            reinterpret_cast<int64_t*>(sums + aligned(size_t(g.sum_elements()) * 4) / 4)};
}

}  // namespace striate::STRIATE_TARGET
