//! What a policy says to people, from the policy alone: the rollout plan, the runbook, the stage by threshold matrix, and
//! a dashboard that draws its bounds.
