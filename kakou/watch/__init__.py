"""The system looks at itself: what is amiss becomes a notice, a canary goes through, metrics tell the rest."""
