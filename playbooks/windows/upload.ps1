# Receives a file in pieces into a folder that only administrators and the system can read, and renames it to its final
# name after verifying its SHA-256. Arguments: name, sha256, offset, data (base64), step: look (is it complete, and how
# much is left from an interrupted upload?), piece, finish (verify) or remove. An interrupted upload is resumed.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

if ("$($Arguments.name)" -notmatch '^[0-9a-f]{64}(\.[a-z0-9]{1,8})?$') {
    throw 'The argument name is not the digest of a file.'
}
$folder = Join-Path (Join-Path $env:ProgramData 'vbo-reconcile') 'packages'
$file = Join-Path $folder $Arguments.name
$part = "$file.part"

function New-PrivateFolder {
    $null = New-Item -ItemType Directory -Path $folder -Force
    icacls.exe $folder /inheritance:r /grant:r '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-18:(OI)(CI)F' | Out-Null
    if ($LASTEXITCODE -ne 0) {
        throw "The rights of $folder cannot be set."
    }
}

function Get-Digest([string]$Path) {
    if (-not (Test-Path -LiteralPath $Path)) {
        return ''
    }
    return (Get-FileHash -LiteralPath $Path -Algorithm SHA256).Hash.ToLower()
}

function Get-Size {
    if (-not (Test-Path -LiteralPath $part)) {
        return 0
    }
    return (New-Object IO.FileInfo $part).Length
}

function Add-Piece {
    $data = [Convert]::FromBase64String($Arguments.data)
    $size = Get-Size
    if ($size -ne [long]$Arguments.offset) {
        throw "There are $size bytes of the file, and these follow $($Arguments.offset)."
    }
    $stream = [IO.File]::Open($part, 'Append', 'Write', 'None')
    try {
        $stream.Write($data, 0, $data.Length)
    } finally {
        $stream.Dispose()
    }
}

$answer = @{ there = $false; path = $file; size = 0; sha256 = '' }
if ($Arguments.step -eq 'look') {
    New-PrivateFolder
    $answer.there = (Get-Digest $file) -eq $Arguments.sha256
    $answer.size = Get-Size
} elseif ($Arguments.step -eq 'piece') {
    Add-Piece
    $answer.size = Get-Size
} elseif ($Arguments.step -eq 'finish') {
    $answer.sha256 = Get-Digest $part
    $answer.there = $answer.sha256 -eq $Arguments.sha256
    if ($answer.there) {
        Move-Item -LiteralPath $part -Destination $file -Force
    } else {
        Remove-Item -LiteralPath $part -Force
    }
} elseif ($Arguments.step -eq 'remove') {
    Remove-Item -LiteralPath $file, $part -Force -ErrorAction SilentlyContinue
} else {
    throw 'The argument step is not known.'
}
[Console]::Out.WriteLine(($answer | ConvertTo-Json -Compress))
