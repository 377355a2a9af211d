"""Large sheets judged at one energy each: how they fluctuate, beside real sheets and what small sheets foretell."""
