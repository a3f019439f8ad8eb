#include "choose/gradients.hpp"

#include "base/pool.hpp"
#include "choose/targets.hpp"
#include "ways/task_way.hpp"

namespace striate {

void weight_gradient(const Problem& p, const void* x, const void* grad, void* out, int threads) {
    const Target& target = chosen_target();
    const int count = threads > 0 ? threads : get_threads();
    const WeightGradientPlan d = plan_weight_gradient(p, target.lanes(p.dtype), count);
    run_tasks(d, target.weight_gradient.of(p.dtype), {x, grad, nullptr, out, Activation::none}, d.tasks(), count,
              d.workspace());
}

}  // namespace striate
