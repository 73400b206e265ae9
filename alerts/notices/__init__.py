"""What is not as it should be, and since when: the table of notices, their beginnings and ends, what everybody sees.

table     every notice: severity, sentence, what to do, how long before it begins and ends
keeper    observations -> beginnings and ends, with hysteresis, over a restart
board     what each machine says is amiss now, in Redis
"""
