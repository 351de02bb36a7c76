#!/usr/bin/env node
// `npm run reference`: docs/commands.md from the command line itself. Its test says when this has to be run again.
import { writeFile } from 'node:fs/promises'
import { loadProgram } from '../cli/program.ts'
import { markdownReference } from '../cli/reference/markdown.ts'
import { factsOf } from '../cli/reference/tree.ts'
import { inProject } from './setup/project.mjs'

await writeFile(inProject('docs/commands.md'), markdownReference(factsOf(await loadProgram(''))))
