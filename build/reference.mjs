#!/usr/bin/env node
// `npm run reference`: generates docs/commands.md from the command line. Its test fails when the file is outdated.
import { writeFile } from 'node:fs/promises'
import { loadProgram } from '../cli/program.ts'
import { markdownReference } from '../cli/reference/markdown.ts'
import { describeCommand } from '../cli/reference/tree.ts'
import { inProject } from './setup/project.mjs'

await writeFile(inProject('docs/commands.md'), markdownReference(describeCommand(await loadProgram())))
