// A way whose work is a set of independent tasks of one kernel.
#pragma once

#include "ways/way.hpp"

namespace striate {

// Runs `tasks` tasks of a kernel, each with `scratch_bytes` of memory.
template <class PlanOf>
void run_tasks(const PlanOf& plan, TaskOf<PlanOf> task, const Args& args, int64_t tasks, int threads,
               size_t scratch_bytes) {
    struct Call {
        const PlanOf& plan;
        TaskOf<PlanOf> task;
        const Args& args;
    } call{plan, task, args};
    const auto run_one = [](void* context, const Unit& unit) {
        const Call& of = *static_cast<const Call*>(context);
        if (!of.args.worthless()) of.task(of.plan, of.args, unit);
    };
    parallel_for(tasks, threads, scratch_bytes, run_one, &call);
}

template <class PlanOf>
class TaskWay : public Way {
public:
    TaskWay(Facts known, const PlanOf& plan, TaskOf<PlanOf> task) : Way(std::move(known)), plan_(plan), task_(task) {}

    void run(const Args& args, int threads) const override {
        run_tasks(plan_, task_, args, plan_.tasks(), threads, facts.workspace_bytes);
    }

protected:
    PlanOf plan_;

private:
    TaskOf<PlanOf> task_;
};

}  // namespace striate
