"""The commands that run or ask the gateway itself: `serve`, `demo`, `health`."""
