"""Running a whole model: what some of its layers are on some inputs."""
