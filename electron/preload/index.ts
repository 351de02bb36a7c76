import { contextBridge, ipcRenderer, webUtils } from 'electron'
import type { CommandAnswer } from '../../core/agent/answering.ts'
import type { Bridge, CommandOutput } from '../../core/agent/contract.ts'

// Runs before every page, so it imports nothing: the main process only handles the contract's commands, and validates
// their input and output.
const bridge: Bridge = {
  kind: 'window',
  call: async (command, input) => {
    const answer: CommandAnswer = await ipcRenderer.invoke(command, input)
    if ('sentence' in answer) return Promise.reject(answer.sentence)
    return answer.output as CommandOutput<typeof command>
  },
  on: (event, listener) => {
    const forward = (_event: unknown, payload: Parameters<typeof listener>[0]) => listener(payload)
    ipcRenderer.on(event, forward)
    return () => void ipcRenderer.off(event, forward)
  },
  pathOfDropped: (file) => webUtils.getPathForFile(file),
}

contextBridge.exposeInMainWorld('holdfast', bridge)
