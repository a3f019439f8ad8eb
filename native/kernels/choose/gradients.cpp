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
    run_tasks(d, target.input_gradient.of(p.dtype), args, d.tasks(), threads, d.workspace());
}

void weight_gradient(const Problem& p, const void* x, const void* grad, void* out, int threads) {
    const Target& target = chosen_target();
    const int count = threads > 0 ? threads : get_threads();
    weight_gradient_on(target, worth_lanes(p, target.lanes(p.dtype)), p, x, grad, out, count);
}

void weight_gradient_on(const Target& target, bool by_lanes, const Problem& p, const void* x, const void* grad,
                        void* out, int threads) {
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
            for (int64_t i = from; i < stop; ++i) {
                double sum = 0;
                for (int64_t part = 0; part < d.parts; ++part)
                    sum += double(static_cast<const T*>(sums.get())[part * p.weight_count() + i]);
                static_cast<T*>(out)[i] = T(sum);
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
