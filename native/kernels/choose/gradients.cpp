#include "choose/gradients.hpp"

#include "base/each.hpp"
#include "base/memory.hpp"
#include "choose/machines.hpp"
#include "choose/targets.hpp"
#include "ways/task_way.hpp"

#include <algorithm>
#include <cmath>

namespace striate {

double input_gradient_us(const Problem& p, int threads) {
    if (p.dtype != DType::float32) return INFINITY;
    double us;
    const InputGradientPlan d = plan_input_gradient(p, machine_for(chosen_target()), threads, &us);
    return double(d.workspace()) * threads > p.workspace_limit() ? INFINITY : us;
}

void input_gradient(const Problem& p, const Args& args, int threads) {
    input_gradient_on(chosen_target(), p, args, threads > 0 ? threads : get_threads());
}

void input_gradient_on(const Target& target, const Problem& p, const Args& args, int threads) {
    double us;
    const InputGradientPlan d = plan_input_gradient(p, machine_for(target), threads, &us);
    const double affordable = p.workspace_limit() / double(d.workspace());
    const int count = affordable < 1 ? 1 : affordable < threads ? int(affordable) : threads;
    run_tasks(d, target.input_gradient.of(p.dtype), args, d.tasks(), count, d.workspace());
}

namespace {

// False where a number of the gradient may not be what the definition gives: one is not finite.
bool by_winograd(const Target& target, const Problem& p, const void* x, const void* grad, void* out, int threads) {
    WinogradGradientPlan d = plan_winograd_gradient(p, target.lanes(p.dtype), threads);
    const Memory tiles = allocate(d.transformed_bytes());
    const double affordable = (p.workspace_limit() - double(d.transformed_bytes())) / double(d.workspace());
    const int count = int(std::clamp(affordable, 1.0, double(threads)));
    bool spoiled = false;
    for (; d.row < d.all_rows() && !spoiled; d.row += d.part_rows) {
        run_tasks(d, target.winograd_gradient_tiles.of(p.dtype), {x, grad, nullptr, tiles.get(), Activation::none},
                  d.vectors() * d.row_tasks(), threads, d.stage_bytes());
        run_tasks(d, target.winograd_gradient.of(p.dtype),
                  {tiles.get(), nullptr, nullptr, out, Activation::none, &spoiled}, d.tasks(), count, d.workspace());
    }
    return !spoiled;
}

}  // namespace

void weight_gradient(const Problem& p, const void* x, const void* grad, void* out, bool strict, int threads) {
    const Target& target = chosen_target();
    const int count = threads > 0 ? threads : get_threads();
    weight_gradient_on(target, choose_weight_kernel(target, p, strict), p, x, grad, out, count);
}

WeightKernel choose_weight_kernel(const Target& target, const Problem& p, bool strict) {
    if (!strict && worth_winograd_gradient(p, target.lanes(p.dtype))) return WeightKernel::winograd;
    if (worth_lanes(p, target.lanes(p.dtype))) return WeightKernel::lanes;
    return p.group_c() == 1 && p.sh == 1 && p.sw == 1 ? WeightKernel::rows : WeightKernel::pixels;
}

void weight_gradient_on(const Target& target, WeightKernel chosen, const Problem& p, const void* x, const void* grad,
                        void* out, int threads) {
    if (chosen == WeightKernel::rows) {
        constexpr int64_t tasks_per_thread = 4;
        const DepthwiseGradientPlan d{p, ceil_div(p.k, tasks_per_thread * threads)};
        const Args args{x, grad, nullptr, out, Activation::none};
        return run_tasks(d, target.depthwise_gradient.of(p.dtype), args, d.tasks(), threads, 0);
    }
    if (chosen == WeightKernel::winograd && by_winograd(target, p, x, grad, out, threads)) return;
    const bool by_lanes = chosen != WeightKernel::pixels;
    const WeightGradientPlan d = plan_weight_gradient(p, target.lanes(p.dtype), by_lanes, threads);
    const auto& kernel = by_lanes ? target.weight_gradient_lanes : target.weight_gradient;
    const auto run = [&](void* sums) {
        run_tasks(d, kernel.of(p.dtype), {x, grad, nullptr, sums, Activation::none}, d.tasks(), threads, d.workspace());
    };
    if (d.parts == 1) return run(out);
    const Memory sums = allocate(size_t(d.parts * p.weight_count() * p.element_bytes()));
    run(sums.get());
    with_element(p.dtype, [&]<class T>() {
        each_piece(p.weight_count(), threads, [&](int64_t from, int64_t stop) {
            constexpr int64_t some = 256;
            for (; from < stop; from += some) {
                const int64_t count = std::min(some, stop - from);
                const T* part = static_cast<const T*>(sums.get()) + from;
                double added[some] = {};
                for (int64_t i = 0; i < d.parts; ++i, part += p.weight_count())
                    for (int64_t j = 0; j < count; ++j) added[j] += double(part[j]);
                for (int64_t j = 0; j < count; ++j) static_cast<T*>(out)[from + j] = T(added[j]);
            }
        });
    });
}

void bias_gradient(DType dtype, int64_t n, int64_t k, int64_t plane, const void* grad, void* out, int threads) {
    bias_gradient_on(chosen_target(), dtype, n, k, plane, grad, out, threads > 0 ? threads : get_threads());
}

void bias_gradient_on(const Target& target, DType dtype, int64_t n, int64_t k, int64_t plane, const void* grad,
                      void* out, int threads) {
    constexpr int64_t worth = 1 << 13;  // numbers that are a task's work
    const BiasGradientPlan d{n, k, plane, std::clamp(worth / std::max<int64_t>(1, n * plane), int64_t(1), k)};
    run_tasks(d, target.bias_gradient.of(dtype), {grad, nullptr, nullptr, out, Activation::none}, d.tasks(), threads,
              0);
}

}  // namespace striate
