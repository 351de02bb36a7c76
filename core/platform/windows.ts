import koffi from 'koffi'

// Functions of Windows that Node lacks. All of them block for the time of opening a file.

const kernel = koffi.load('kernel32.dll')
/** Returns the handle of a descriptor. The program itself exports this function of libuv. */
const getHandle = koffi.load(null).func('intptr_t uv_get_osfhandle(int fd)') as (fd: number) => number
const createFile = kernel.func(
  'intptr_t CreateFileW(str16 name, uint32_t access, uint32_t share, void *security, uint32_t how, uint32_t flags, intptr_t template)',
) as (...words: [string, number, number, null, number, number, number]) => number
const reopenFile = kernel.func(
  'intptr_t ReOpenFile(intptr_t file, uint32_t access, uint32_t share, uint32_t flags)',
) as (...words: [number, number, number, number]) => number
const closeHandle = kernel.func('bool CloseHandle(intptr_t handle)') as (handle: number) => boolean
const getInformation = kernel.func(
  'bool GetFileInformationByHandleEx(intptr_t file, int what, void *into, uint32_t bytes)',
) as (...words: [number, number, Uint8Array, number]) => boolean
const getLastError = kernel.func('uint32_t GetLastError()') as () => number

const GENERIC_READ = 0x80000000
const FILE_SHARE_READ = 1
const FILE_SHARE_DELETE = 4
const OPEN_EXISTING = 3
const INVALID_HANDLE = -1
const ERROR_SHARING_VIOLATION = 32
/** Succeeds for a file of another computer alone. */
const FILE_REMOTE_PROTOCOL_INFO = 13
const FILE_REMOTE_PROTOCOL_INFO_BYTES = 116

/**
 * Checks if a process has this file open for writing, by opening it for a moment without sharing it with writers:
 * ReOpenFile. `unknown`: it is on another computer, whose own processes the answer may not cover.
 */
export function hasWriter(fd: number): 'no' | 'yes' | 'unknown' {
  const handle = getHandle(fd)
  const own = reopenFile(handle, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, 0)
  if (own === INVALID_HANDLE) return getLastError() === ERROR_SHARING_VIOLATION ? 'yes' : 'unknown'
  closeHandle(own)
  const bytes = new Uint8Array(FILE_REMOTE_PROTOCOL_INFO_BYTES)
  return getInformation(handle, FILE_REMOTE_PROTOCOL_INFO, bytes, bytes.length) ? 'unknown' : 'no'
}

/** True if a program has a file open. */
export function isOpen(file: string): boolean {
  const own = createFile(file, GENERIC_READ, 0, null, OPEN_EXISTING, 0, 0)
  if (own === INVALID_HANDLE) return getLastError() === ERROR_SHARING_VIOLATION
  closeHandle(own)
  return false
}
