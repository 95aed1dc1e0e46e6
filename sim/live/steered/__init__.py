"""Schedules of applications executed on the real kernel: real TCP, real epoll, a real clock."""
