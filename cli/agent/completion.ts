import { Argument, type Command } from 'commander'
import { loadProgram } from '../program.ts'
import { completionFor, type Shell, shells } from '../reference/completion.ts'
import { describeCommand } from '../reference/tree.ts'

/** `holdfast completion bash`: prints a shell's completion script. */
export function registerCompletion(program: Command): void {
  program
    .command('completion')
    .description(
      'print the script with which a shell completes holdfast commands: eval "$(holdfast completion bash)"',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .action(async (shell: Shell) => {
      process.stdout.write(completionFor(shell, describeCommand(await loadProgram())))
    })
}
