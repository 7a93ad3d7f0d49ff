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
$parent = Join-Path $env:ProgramData 'vbo-reconcile'
$folder = Join-Path $parent 'packages'
$file = Join-Path $folder $Arguments.name
$part = "$file.part"

# Why users who are not administrators could replace a package after its verification; empty if they cannot.
# Every user may create folders in ProgramData, and owns them then.
function Get-Flaw([string]$Path) {
    $own = @('S-1-5-32-544', 'S-1-5-18')
    $kind = [Security.Principal.SecurityIdentifier]
    if ((New-Object IO.DirectoryInfo $Path).Attributes -band [IO.FileAttributes]::ReparsePoint) {
        return "$Path is a link."
    }
    $acl = Get-Acl -LiteralPath $Path
    $owner = $acl.GetOwner($kind).Value
    if ($own -notcontains $owner) {
        return "$Path belongs to ${owner}: another account created it. Remove it, or make Administrators its owner."
    }
    foreach ($rule in @($acl.GetAccessRules($true, $true, $kind))) {
        if ($own -notcontains $rule.IdentityReference.Value) {
            return "$Path can be accessed by $($rule.IdentityReference.Value)."
        }
    }
    return ''
}

function Set-Rights([string]$Path, [string[]]$Words) {
    icacls.exe $Path $Words | Out-Null
    if ($LASTEXITCODE -ne 0) {
        throw "The rights of $Path cannot be set."
    }
}

# Creates a folder, or takes over one that administrators or the system own. No other user can create one in between:
# New-Item fails for a folder that exists.
function New-PrivateFolder([string]$Path) {
    if (-not (Test-Path -LiteralPath $Path)) {
        $null = New-Item -ItemType Directory -Path $Path
        Set-Rights $Path @('/setowner', '*S-1-5-32-544')
    }
    $flaw = Get-Flaw $Path
    if ($flaw -like '* belongs to *' -or $flaw -like '* is a link.') {
        throw $flaw
    }
    Set-Rights $Path @('/inheritance:r', '/grant:r', '*S-1-5-32-544:(OI)(CI)F', '*S-1-5-18:(OI)(CI)F')
    $explicit = (Get-Acl -LiteralPath $Path).GetAccessRules($true, $false, [Security.Principal.SecurityIdentifier])
    foreach ($rule in @($explicit)) {
        if (@('S-1-5-32-544', 'S-1-5-18') -notcontains $rule.IdentityReference.Value) {
            Set-Rights $Path @('/remove', "*$($rule.IdentityReference.Value)")
        }
    }
    $flaw = Get-Flaw $Path
    if ($flaw) {
        throw $flaw
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
    New-PrivateFolder $parent
    New-PrivateFolder $folder
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
