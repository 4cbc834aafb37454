UNDER_WAY = "/under-way"  # where the server of the tests says how many answers are on their way
