// A way whose work is a set of independent tasks of one kernel.
#pragma once

#include "pool.hpp"
#include "way.hpp"

namespace striate {

template <class PlanOf>
class TaskWay : public Way {
public:
    TaskWay(const char* way_name, const PlanOf& plan, TaskOf<PlanOf> task) : plan_(plan), task_(task) {
        name = way_name;
        packed_bytes = plan.packed_bytes();
        workspace_bytes = plan.workspace();
    }

    void run(const Args& args, int threads) const override {
        Call call{&plan_, task_, &args};
        parallel_for(plan_.tasks(), threads, workspace_bytes, run_one, &call);
    }

protected:
    PlanOf plan_;

private:
    struct Call {
        const PlanOf* plan;
        TaskOf<PlanOf> task;
        const Args* args;
    };
    static void run_one(void* context, int64_t task, void* memory) {
        const Call& call = *static_cast<const Call*>(context);
        call.task(*call.plan, *call.args, task, memory);
    }
    TaskOf<PlanOf> task_;
};

}  // namespace striate
