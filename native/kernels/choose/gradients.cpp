#include "choose/gradients.hpp"

#include "base/pool.hpp"
#include "choose/targets.hpp"
#include "ways/task_way.hpp"

namespace striate {

void weight_gradient(const Problem& p, const void* x, const void* grad, void* out, int threads) {
    const Target& target = chosen_target();
    const int count = threads > 0 ? threads : get_threads();
    weight_gradient_on(target, worth_lanes(p, target.lanes(p.dtype)), p, x, grad, out, count);
}

void weight_gradient_on(const Target& target, bool by_lanes, const Problem& p, const void* x, const void* grad,
                        void* out, int threads) {
    const WeightGradientPlan d = plan_weight_gradient(p, target.lanes(p.dtype), by_lanes, threads);
    const auto& kernel = by_lanes ? target.weight_gradient_lanes : target.weight_gradient;
    run_tasks(d, kernel.of(p.dtype), {x, grad, nullptr, out, Activation::none}, d.tasks(), threads, d.workspace());
}

}  // namespace striate
