"""Pure arithmetic of dispatch: allocation, schedules, limits, states, tracking. No framework."""
