"""Deployments: names under which models answer, and the versions behind them."""
