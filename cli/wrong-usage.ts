import { Problem } from '../core/words/problem.ts'

/** The words of the command line do not make sense together: nothing was begun, and the exit code is 2. */
export class WrongUsage extends Problem {}
